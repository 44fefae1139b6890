"""RVT-2: a keypose policy that looks at re-rendered views of the scene, coarse and then zoomed in (Goyal et al. 2024)."""
