"""What is known of NVIDIA's software: its libraries' names, its releases, and what its driver brings."""
