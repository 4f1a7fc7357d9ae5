"""Train an encoder by momentum contrast and embed the images with it."""
