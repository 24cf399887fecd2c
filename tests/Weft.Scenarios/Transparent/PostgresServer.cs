using Weft.Scenarios.CommandLine;
using Weft.TestSupport;

namespace Weft.Scenarios.Transparent;

/// <summary>Debian's PostgreSQL with a database of its own, started beside whatever the machine has. It refuses root, so it is <c>nobody</c>'s.</summary>
internal static class PostgresServer
{
    private const string Versions = "/usr/lib/postgresql";

    public static async Task StartAsync(Machine machine)
    {
        var programs = Directory.Exists(Versions) ? Directory.GetDirectories(Versions).Select(v => Path.Combine(v, "bin")).LastOrDefault(b => File.Exists(Path.Combine(b, "initdb"))) : null;
        var initdb = programs is null ? Tool.Require("initdb", "postgresql") : Path.Combine(programs, "initdb");
        var server = Path.Combine(Path.GetDirectoryName(initdb)!, "postgres");
        const string nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
        await machine.ShellAsync($"""
            mkdir postgres && chown 65534:65534 postgres && cd postgres
            {nobody} {initdb} -D data -U weft --auth=trust --no-sync --locale=C
            echo "host all all all trust" >> data/pg_hba.conf
            """);
        var running = machine.Start([.. nobody.Split(' '), server, "-D", "postgres/data", "-h", "0.0.0.0", "-k", ".", "-c", "fsync=off"]);
        await Installation.Eventually(() => Task.FromResult(running.Log.Contains("ready to accept connections", StringComparison.Ordinal)), "PostgreSQL accepts connections", running);
    }
}
