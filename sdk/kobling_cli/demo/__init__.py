"""The story that `kobling demo` tells: one clinic's day, over real HTTP, for every installed vendor that has a mock."""
