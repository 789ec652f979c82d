// What a paper comes to, as EN 16931 adds it up: the same as rules/money.py, in whole minor units.

const ROUND = { quantity: 1000n, percent: 10_000n };

export interface Line {
  quantity: bigint; // thousandths
  price: bigint; // minor units
  discount: bigint; // hundredths of a per cent
  rate: string; // per cent, as it was typed
}

export interface Totals {
  net: bigint;
  taxes: { rate: string; tax: bigint }[];
  gross: bigint;
}

/** Round to a whole number, half away from zero. */
function divided(amount: bigint, by: bigint): bigint {
  const half = by / 2n;
  return amount < 0n ? -((-amount + half) / by) : (amount + half) / by;
}

export function totals(lines: Line[], discount: bigint): Totals {
  const byRate = new Map<string, bigint>();
  for (const line of lines) {
    const amount = divided(line.quantity * line.price * (ROUND.percent - line.discount), ROUND.quantity * ROUND.percent);
    byRate.set(line.rate, (byRate.get(line.rate) ?? 0n) + amount);
  }
  let net = 0n;
  const taxes = [];
  for (const [rate, sum] of [...byRate].sort(([one], [other]) => Number(one) - Number(other))) {
    const rest = sum - divided(sum * discount, ROUND.percent);
    net += rest;
    taxes.push({ rate, tax: divided(rest * (decimal(rate, 2) ?? 0n), ROUND.percent) });
  }
  return { net, taxes, gross: taxes.reduce((sum, { tax }) => sum + tax, net) };
}

/** Read a decimal number, with a point or a comma, in units of its last digit; null where it is none. */
export function decimal(text: string, digits: number): bigint | null {
  const match = /^(\d{1,12})(?:[.,](\d{1,9}))?$/.exec(text.trim());
  if (!match) return null;
  const part = (match[2] ?? "").replace(/0+$/, "");
  return part.length > digits ? null : BigInt((match[1] ?? "0") + part.padEnd(digits, "0"));
}
