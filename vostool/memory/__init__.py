"""The memory of past frames: attention, banks and policies; knows neither networks nor video."""
