"""``tinyquant diff``: what differs between two runs, images, baselines or revisions."""
