using System.Text;
using Weft.Scenarios.CommandLine;
using Weft.TestSupport;

namespace Weft.Scenarios.Transparent;

/// <summary>Every byte that went over one link, as tcpdump saw it.</summary>
internal sealed class Capture
{
    private readonly Machine _router;
    private readonly string _file;
    private readonly Running _tcpdump;
    private readonly Lazy<byte[]> _bytes;

    private Capture(Machine router, string file, Running tcpdump)
    {
        (_router, _file, _tcpdump) = (router, file, tcpdump);
        _bytes = new Lazy<byte[]>(() => File.ReadAllBytes(file));
    }

    /// <summary>Listens at the router's end of a machine's link.</summary>
    public static async Task<Capture> StartAsync(Machine router, string link)
    {
        // The name ends as profiles of AppArmor want it; tcpdump stays root, or could not write there.
        var file = Path.Combine(router.Folder, $"{link}-{Guid.NewGuid():n}.pcap");
        var tcpdump = router.Start([Tool.Require("tcpdump", "tcpdump"), "-i", link, "-U", "-Z", "root", "--immediate-mode", "-B", "16384", "-s", "0", "-w", file, "tcp"]);
        await Installation.Eventually(() => Task.FromResult(tcpdump.Log.Contains("listening on", StringComparison.Ordinal)), "tcpdump listens", tcpdump);
        return new Capture(router, file, tcpdump);
    }

    /// <summary>Ends it: all that was seen is in the file.</summary>
    public async Task StopAsync()
    {
        _tcpdump.Signal("-INT");
        await _tcpdump.EndAsync();
    }

    /// <summary>True when the text went over the link in the clear.</summary>
    public bool Shows(string text) => _bytes.Value.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text)) >= 0;

    /// <summary>One line for each segment that begins with a record of application data of TLS (type 23, RFC 8446 section 5.1): <c>… IP 10.77.0.2.40000 &gt; 10.77.0.4.25432: …</c>.</summary>
    public async Task<string> TlsRecordsAsync() => await _router.ShellAsync($"tcpdump -nn -r {_file} 'tcp[((tcp[12] & 0xf0) >> 2):2] = 0x1703'");
}
