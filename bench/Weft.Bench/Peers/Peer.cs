namespace Weft.Bench.Peers;

/// <summary>A proxy that takes part, and the port at which it listens. Its configuration is committed beside the results.</summary>
/// <param name="Name">As it stands in the results.</param>
/// <param name="Port">Loopback port of its listener.</param>
/// <param name="Program">Program to start.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Configuration">File name under bench/peers.</param>
public sealed record Peer(string Name, int Port, string Program, IReadOnlyList<string> Arguments, string Configuration)
{
    public Uri Url => new($"http://127.0.0.1:{Port}/");

    public PeerProcess Start(int core) => PeerProcess.Start(this, core);
}

/// <summary>Who takes part. Ports are fixed because the configuration files, which a reader should be able to use by hand, name them.</summary>
public static class AllPeers
{
    public const string Weft = "weft";

    public static string WeftProxy { get; } = Path.Combine(Repository.Root, "artifacts/bin/Weft.Proxy/release/weft-proxy");

    /// <summary>The application behind every proxy.</summary>
    public static Peer Backend { get; } = Nginx("backend", 18000, "backend.conf");

    /// <summary>The proxies, compared with one another.</summary>
    public static IReadOnlyList<Peer> Proxies { get; } =
    [
        Nginx("nginx", 18001, "nginx.conf"),
        new("haproxy", 18002, Repository.Find("haproxy"), ["-db", "-f", Repository.Peer("haproxy.cfg")], "haproxy.cfg"),
        new(Weft, 18003, WeftProxy, ["--bootstrap", Repository.Peer("weft.yaml")], "weft.yaml"),
    ];

    /// <summary>Weft with all its configuration from the churning control plane.</summary>
    public static Peer WeftUnderChurn { get; } = new(Weft, 18004, WeftProxy, ["--bootstrap", Repository.Peer("weft-churn.yaml")], "weft-churn.yaml");

    private static Peer Nginx(string name, int port, string configuration) =>
        new(name, port, Repository.Find("nginx"),
            ["-p", Repository.Scratch, "-e", "stderr", "-c", Repository.Peer(configuration), "-g", $"pid {Path.Combine(Repository.Scratch, name)}.pid;"], configuration);
}
