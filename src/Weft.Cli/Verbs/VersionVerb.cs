using System.CommandLine;
using System.Reflection;

namespace Weft.Cli.Verbs;

/// <summary><c>weft version</c>.</summary>
internal static class VersionVerb
{
    public static Command Create(CliContext cli)
    {
        var command = new Command("version", "Print the version of this program");
        command.SetAction(_ =>
        {
            // Of this assembly: asking the control plane's would load it for one line of text.
            var version = typeof(VersionVerb).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
            cli.Out.WriteLine($"weft {version}");
            return ExitCode.Ok;
        });
        return command;
    }
}
