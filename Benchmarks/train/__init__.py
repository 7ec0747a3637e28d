"""Training: images a second of convtrain's trainer, beside PyTorch's on the same network."""
