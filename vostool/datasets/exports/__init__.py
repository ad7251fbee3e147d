"""Results as data sets that other tools read: COCO, YOLO, DAVIS and labelme."""
