using System.CommandLine;
using System.Net;
using Weft.Cli.Connecting;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Verbs;

/// <summary><c>weft delete KIND NAME</c> and <c>weft delete -f FILE</c>.</summary>
internal static class DeleteVerb
{
    public static Command Create(CliContext cli)
    {
        var kindName = KindArgument.Kind();
        var nameArgument = KindArgument.Name();
        var ns = KindArgument.Namespace();
        var files = ResourceFiles.Option(required: false);
        var command = new Command("delete", "Delete one resource, or those that files name") { kindName, nameArgument, ns, files };
        var server = new ServerOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            var targets = parsed.GetValue(files) is { Length: > 0 } names
                ? await InFilesAsync(names, parsed.GetValue(kindName), parsed.GetValue(ns)!, cli, cancel)
                : [Named(parsed.GetValue(kindName), parsed.GetValue(nameArgument), parsed.GetValue(ns)!)];
            using var control = server.Connect(parsed, cli);
            var missing = 0;
            foreach (var (kind, objectNs, name) in targets)
            {
                var subject = new ResourceKey(kind.Group, kind.Kind, kind.Namespaced ? objectNs : "", name);
                try
                {
                    await control.DeleteAsync(ApiPaths.Object(kind, objectNs, name), cancel);
                    await cli.Out.WriteLineAsync($"{subject} deleted");
                }
                catch (RefusedException e) when (e.Status == HttpStatusCode.NotFound)
                {
                    missing++;
                    await cli.Error.WriteLineAsync($"{subject} not found");
                }
                catch (RefusedException e)
                {
                    throw new CliException(e.Message);
                }
            }
            return missing == 0 ? ExitCode.Ok : ExitCode.Failed;
        });
        return command;
    }

    private static (ResourceKind, string, string) Named(string? kindText, string? nameText, string ns)
    {
        var (kind, name) = KindArgument.Find(kindText, nameText);
        return name is null ? throw new CliException($"name the {kind.Singular} to delete, or the files with -f", ExitCode.Usage) : (kind, ns, name);
    }

    /// <summary>The objects of the files, last first: what refers to others goes before them.</summary>
    private static async Task<IReadOnlyList<(ResourceKind, string, string)>> InFilesAsync(
        string[] names, string? kind, string ns, CliContext cli, CancellationToken cancel)
    {
        if (kind is not null) throw new CliException("name an object, or files with -f, not both", ExitCode.Usage);
        var results = (await ResourceFiles.ReadAsync(names, cli, cancel)).Select(f => f.Read(ns)).ToList();
        if (results.Exists(r => r.HasErrors))
        {
            var found = results.SelectMany(r => r.Diagnostics).ToList();
            DiagnosticText.Write(found, cli.Error, cli.ErrorIsTerminal);
            throw new CliException($"{DiagnosticText.Count(found)}; nothing was deleted");
        }
        return [.. results.SelectMany(r => r.Resources).Select(o => (o.Kind, o.Metadata.Namespace, o.Metadata.Name)).Reverse()];
    }
}
