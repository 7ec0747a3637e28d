"""The other libraries, each as a worker that step.peers.serve runs."""
