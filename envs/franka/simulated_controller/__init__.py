"""A controller of a Franka arm and its hand that exists only on this machine, speaking the maker's research interface."""
