"""What a sentence proposes to declare is said as an option of the command where `parity check` says it."""

import pytest

from parity.cli.checking import Asked, as_options, run


@pytest.mark.parametrize(
    ("proposed", "said"),
    [
        ("give framework='torch' (it raises", "give --framework torch (it raises"),
        ("declare lacks=['gradient', 'vmap']", "declare --lacks gradient,vmap"),
        ("declare differs=['error classes']", "declare --differs 'error classes'"),
        ("declare arguments={'input': 'logits', 'target': ...}", "declare --arguments input=logits,target=..."),
        ("declare lacks=['it is', cut", "declare lacks=['it is', cut"),
        ("it declares a['b']", "it declares a['b']"),
    ],
)
def test_what_is_proposed_is_an_option_of_the_command(proposed: str, said: str) -> None:
    assert as_options(proposed) == said


def test_check_says_it_so(capsys: pytest.CaptureFixture[str]) -> None:
    options = dict.fromkeys(("seeds", "seed_base", "depth", "budget", "only", "exclude", "until_failure", "timeout"))
    assert not run(Asked("mse_loss", "torch.nn.functional:mse_loss", options, {}))
    assert "it is a function of tensors: give --framework torch" in capsys.readouterr().out
