"""The tests, by the question that each folder answers.

unit/      Does each part do what its docstring says? Reading a case, drawing, judging, recording, reporting.
           golden/ holds whole texts as a user reads them: UPDATE_GOLDEN=1 writes them anew.
page/      Does parity.html work in a browser? Chromium, where it is there; .ci/run installs it.
cases/     Are the shipped cases complete, and is what they call right? Pairs of options, torch itself, functions
           nearer to the truth than torch, and central differences, which know nothing of torch.
plugin/    Does it work from outside? pytest's command line, `parity.check`, `parity.parametrize`.
planted/   Is a wrong loss seen, and told in words that lead to the bug? A catalogue of bugs that people ship.
kills/     Which points see which planted bugs and mutants, as recorded: is the order of points made of that quick to
           show a bug that it does not know, and does any bug hang by one scenario? `make kills` records.
mutation/  Does every change of a loss turn some case red? No test: `make mutate` runs it for hours.
"""
