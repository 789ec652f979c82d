"""A business's logo. Its address carries its digest, so it may be kept for good."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.people.models import BusinessLogo


@permit(PUBLIC)
@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def logo(request: HttpRequest, business: str, digest: str) -> HttpResponse:
    """Serve the logo as what it is; one that was replaced is gone."""
    del request
    found = BusinessLogo.objects.filter(business__slug=business, digest=digest).first()
    if found is None:
        raise Http404
    return HttpResponse(bytes(found.content), found.media_type)
