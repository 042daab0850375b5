"""What pytest needs to test this plugin with itself."""

pytest_plugins = ["pytester"]
