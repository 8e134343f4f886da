"""Kill data: which points see which wrong loss. It makes the order in which points are asked (`cases/order.json`)."""
