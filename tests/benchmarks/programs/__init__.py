"""Parts of the product that are measured in a process of their own."""
