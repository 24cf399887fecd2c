using System.CommandLine;
using Weft.Cli.Processes;

namespace Weft.Cli.Verbs;

/// <summary><c>weft proxy</c> for the help; a real call never gets here, <c>Program</c> becomes the proxy before anything is parsed.</summary>
internal static class ProxyVerb
{
    public static Command Create(CliContext cli)
    {
        var arguments = new Argument<string[]>("ARGS") { Description = "Arguments of weft-proxy; `weft proxy --help` lists them", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("proxy", "Run the data plane alone: an Envoy v3 bootstrap, static or over xDS (becomes weft-proxy)") { arguments };
        command.SetAction(parsed => ChildStub.Execute(SiblingProgram.Proxy(cli.Environment), parsed.GetValue(arguments)!));
        return command;
    }
}
