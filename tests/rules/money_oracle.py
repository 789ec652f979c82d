"""Totals once more, by exact fractions and without looking at how rules/money.py does it."""

from fractions import Fraction


def half_up(value):
    sign = -1 if value < 0 else 1
    whole, rest = divmod(abs(value), 1)
    return sign * int(whole + (rest >= Fraction(1, 2)))


def oracle(lines, discount):
    """Give (net, tax, gross) of lines of (quantity, unit price, rate, discount), all of them texts or integers."""
    rates = {}
    for quantity, price, rate, off in lines:
        amount = half_up(Fraction(quantity) * price * (1 - Fraction(off) / 100))
        rates.setdefault(Fraction(rate), []).append(amount)
    net = tax = 0
    for rate, amounts in rates.items():
        share = sum(amounts) - half_up(Fraction(sum(amounts)) * Fraction(discount) / 100)
        net += share
        tax += half_up(share * rate / 100)
    return net, tax, net + tax
