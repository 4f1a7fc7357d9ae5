"""Check the images, describe their pixels, show some of them."""
