"""What objectives share that go through the windows of the text: engine, tasks, and the arithmetic of a step."""
