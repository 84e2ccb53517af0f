"""What several systems are built of: nets, losses, scalings, the frames of images and muons."""
