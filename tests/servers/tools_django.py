"""What Django sends for distinct counts, under the setting that is the argument. Run by tests/servers/tools."""

import os
import sys

import django
from django.conf import settings

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "HOST": os.environ["PGHOST"],
            "USER": os.environ["PGUSER"],
            "OPTIONS": {"options": f"-c cvm_count.count_distinct_epsilon={sys.argv[1]}"},
        }
    }
)
django.setup()

from django.db import models  # noqa: E402: models need the settings
from django.db.models import Count  # noqa: E402


class Visit(models.Model):
    visitor = models.IntegerField()
    page = models.TextField()
    country = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "visits"
        managed = False


visitors, pages = Count("visitor", distinct=True), Count("page", distinct=True)
print("total", Visit.objects.aggregate(n=visitors)["n"])
groups = Visit.objects.values("country").annotate(visitors=visitors, pages=pages).order_by("country")
print("groups", *(value for row in groups for value in (row["country"], row["visitors"], row["pages"])))
first = Visit.objects.values("country").annotate(n=visitors, p=pages).filter(n__gt=9).order_by("-p", "country")
print("first", first[0]["country"])
print("subquery", Visit.objects.values("visitor").distinct().count())
