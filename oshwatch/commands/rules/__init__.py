"""``oshwatch rules``: check, test, list and replay rule packs, and explain what a case was judged by."""

import typer

from oshwatch.commands.rules.backtesting import backtest
from oshwatch.commands.rules.checking import check, play_tests
from oshwatch.commands.rules.explaining import explain
from oshwatch.commands.rules.listing import list_rules

app = typer.Typer(no_args_is_help=True, help="Check, test, list, replay and explain the rules that judge.")
app.command()(check)
app.command("test")(play_tests)
app.command("list")(list_rules)
app.command()(backtest)
app.command()(explain)
