using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Weft.Proxy.Overload;

namespace Weft.Proxy.Hosting;

/// <summary>What the proxy is started with.</summary>
/// <param name="Bootstrap">Path of an Envoy v3 bootstrap, YAML or JSON.</param>
/// <param name="Identity">Certificate service as <c>host:port</c>; null without a mesh identity.</param>
/// <param name="JoinTokenFile">Read at the first start.</param>
/// <param name="KeysDirectory">Where key, chain and roots are kept.</param>
/// <param name="CacheDirectory">Where the last good configuration is kept; null keeps none, and a start waits for the management server.</param>
/// <param name="Concurrency">Workers. Default 1: right for a sidecar; a gateway takes one per core.</param>
/// <param name="Overload">Limits of connections, handshakes and memory.</param>
/// <param name="DrainTime">Longest graceful end. Default 30 s.</param>
/// <param name="WarmupTime">Longest warm-up of its own code after the start. Default 2 s; zero for none.</param>
internal sealed record CommandLine(
    string Bootstrap, string? Identity, string? JoinTokenFile, string? KeysDirectory, string? CacheDirectory, int Concurrency, OverloadSettings Overload, TimeSpan DrainTime, TimeSpan WarmupTime)
{
    public const string Help = """
        usage: weft-proxy --bootstrap FILE [--identity HOST:PORT --keys DIR [--join-token-file FILE]] [--cache DIR]
                          [--concurrency N] [--drain-seconds N] [--warmup-seconds N]
                          [--max-connections N] [--max-listener-connections N] [--max-handshakes N] [--memory-limit-mb N]

          --bootstrap FILE        Envoy v3 bootstrap (YAML or JSON): node, admin, static resources, ads_config (delta)
          --identity HOST:PORT    certificate service of the mesh; the proxy's certificate is made and renewed there
          --keys DIR              where the private key, the certificate and the trusted roots are kept (0700)
          --join-token-file FILE  one-time token for the first certificate
          --cache DIR             where the last good configuration is kept (0700), to be served by a start while the management server is away
          --concurrency N         worker threads, 1 to 256 (default 1)
          --max-connections N     accepted connections of the process; more are told 503, many more wait (default: what ulimit -n allows, two descriptors each)
          --max-listener-connections N
                                  the same for each listener (default: none)
          --max-handshakes N      TLS handshakes at one time per worker; beyond it the oldest is given up, 1 to 1000000 (default 1024)
          --max-host-lookups N    names of hosts outside of the mesh that the system's resolver is asked for at one time, 1 to 10000 (default 64)
          --memory-limit-mb N     resident memory from nine tenths of which on requests are told 503, 64 to 16777216 (default: that of the cgroup, else none)
          --drain-seconds N       longest graceful end after SIGTERM, 0 to 86400 (default 30)
          --warmup-seconds N      how long the proxy may exercise its own code after the start, in the background, 0 to 60 (default 2)

        No arguments of Envoy's own command line are taken; what they say stands in the bootstrap.
        """;

    /// <param name="error">What is wrong and what would be right; the help text when it was asked for.</param>
    public static bool TryParse(string[] args, [NotNullWhen(true)] out CommandLine? options, out string error)
    {
        options = null;
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        string[] known = ["--bootstrap", "--identity", "--join-token-file", "--keys", "--cache", "--concurrency", "--drain-seconds", "--warmup-seconds",
            "--max-connections", "--max-listener-connections", "--max-handshakes", "--max-host-lookups", "--memory-limit-mb"];
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] is "--help" or "-h")
            {
                error = Help;
                return false;
            }
            var (name, value) = args[i].Split('=', 2) is [var n, var v] ? (n, v) : (args[i], i + 1 < args.Length ? args[++i] : null);
            if (!known.Contains(name)) return Wrong($"unknown option {name}", out error);
            if (value is null) return Wrong($"{name} needs a value", out error);
            if (!given.TryAdd(name, value)) return Wrong($"{name} is given twice", out error);
        }
        if (!given.TryGetValue("--bootstrap", out var bootstrap)) return Wrong("--bootstrap FILE is missing", out error);
        if (!TryNumber(given, "--concurrency", 1, 1, 256, out var concurrency, out error)) return false;
        if (!TryNumber(given, "--drain-seconds", 30, 0, 86400, out var drain, out error)) return false;
        if (!TryNumber(given, "--warmup-seconds", 2, 0, 60, out var warmup, out error)) return false;
        if (!TryNumber(given, "--max-connections", 0, 1, int.MaxValue, out var connections, out error)) return false;
        if (!TryNumber(given, "--max-listener-connections", 0, 1, int.MaxValue, out var listenerConnections, out error)) return false;
        if (!TryNumber(given, "--max-handshakes", 1024, 1, 1_000_000, out var handshakes, out error)) return false;
        if (!TryNumber(given, "--max-host-lookups", 64, 1, 10_000, out var lookups, out error)) return false;
        if (!TryNumber(given, "--memory-limit-mb", 0, 64, 16_777_216, out var megabytes, out error)) return false;
        var overload = new OverloadSettings
        {
            MaxConnections = connections > 0 ? connections : SystemLimits.DefaultConnections(Transport.Descriptors.Limit),
            MaxListenerConnections = listenerConnections > 0 ? listenerConnections : OverloadSettings.None,
            MaxHandshakes = handshakes,
            MaxHostLookups = lookups,
            MemoryBytes = megabytes > 0 ? (long)megabytes << 20 : SystemLimits.CgroupMemory(),
        };
        var identity = given.GetValueOrDefault("--identity");
        var keys = given.GetValueOrDefault("--keys");
        if (identity is null != keys is null) return Wrong("--identity and --keys belong together", out error);
        options = new CommandLine(bootstrap, identity, given.GetValueOrDefault("--join-token-file"), keys, given.GetValueOrDefault("--cache"), concurrency, overload, TimeSpan.FromSeconds(drain), TimeSpan.FromSeconds(warmup));
        return true;
    }

    private static bool TryNumber(Dictionary<string, string> given, string name, int fallback, int min, int max, out int value, out string error)
    {
        (value, error) = (fallback, "");
        if (!given.TryGetValue(name, out var text)) return true;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= min && value <= max) return true;
        return Wrong($"{name} is '{text}': a number from {min} to {max} is needed", out error);
    }

    private static bool Wrong(string what, out string error)
    {
        error = $"weft-proxy: {what}\n\n{Help}";
        return false;
    }
}
