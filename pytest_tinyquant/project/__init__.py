"""What a project's files say: models, boards, benches, known gaps."""
