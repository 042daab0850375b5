"""NPUs that a compiler stands for: it says what a model will take, nothing runs on one."""
