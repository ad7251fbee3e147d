"""What stands beside the pictures: sound, subtitles, chapters, and the times they share with them."""
