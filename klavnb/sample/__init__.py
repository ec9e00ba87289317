"""A seeded, invented export of a shop for photo prints, with journeys whose right attribution is known.

`dice`, `ids` and `metrics` are the ground; `shop` and `customers` say who is there; `journeys` and `planted`
(after `scenarios`) tell what happens, in the words of `events` and `orders`; `recorded` says what Klaviyo
credited; `account` holds it all; `api` and `fivetran` write it down, in the words of `resources` and
`profiles`; `export` puts the folder in place.
"""

from klavnb.sample.export import Layout, SampleSummary, write_sample

__all__ = ["Layout", "SampleSummary", "write_sample"]
