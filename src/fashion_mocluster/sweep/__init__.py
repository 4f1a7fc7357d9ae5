"""Many runs by one command: environments, seeds and sets of parameters, side by side with Dask."""
