"""Workers: episodes played side by side by processes of this machine or of a Ray cluster, under supervision."""
