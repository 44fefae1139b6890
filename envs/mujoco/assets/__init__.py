"""The room every task stands in, and the tools that its meshes and textures, and those of the tasks, are made with."""
