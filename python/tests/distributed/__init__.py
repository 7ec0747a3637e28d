"""What the tests of distributed training run in processes of their own."""
