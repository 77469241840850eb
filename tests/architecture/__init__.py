"""Rules about the code itself; each has a twin that feeds it a bad case and sees it refused."""
