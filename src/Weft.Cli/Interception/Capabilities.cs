using System.Globalization;

namespace Weft.Cli.Interception;

/// <summary>What this process may do (capabilities(7)): asked before something is begun, so that the answer is a sentence and not half a change.</summary>
public static class Capabilities
{
    private const int NetAdmin = 12;
    private const int SysAdmin = 21;

    /// <param name="what">The command, for the error.</param>
    /// <param name="entersNamespace">True when another network namespace is made or entered, which takes CAP_SYS_ADMIN too.</param>
    /// <exception cref="CliException">One is missing.</exception>
    public static void Require(string what, bool entersNamespace)
    {
        var effective = Effective();
        if (!Has(effective, NetAdmin)) throw new CliException($"{what} needs CAP_NET_ADMIN: run it as root");
        if (entersNamespace && !Has(effective, SysAdmin)) throw new CliException($"{what} needs CAP_SYS_ADMIN for another network namespace: run it as root");
    }

    private static bool Has(ulong capabilities, int one) => (capabilities & (1UL << one)) != 0;

    private static ulong Effective()
    {
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
        return ulong.Parse(line.AsSpan("CapEff:".Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
