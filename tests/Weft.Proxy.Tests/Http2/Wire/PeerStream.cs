using System.Text;
using Weft.Fuzz.Http2;

namespace Weft.Proxy.Tests.Http2.Wire;

/// <summary>What one stream brought from the other side.</summary>
internal sealed class PeerStream(long sendWindow)
{
    /// <summary>Field blocks in order: interim responses, the head, trailers.</summary>
    public List<List<(string Name, string Value)>> Heads { get; } = [];

    public List<byte> Body { get; } = [];

    public string Text => Encoding.Latin1.GetString([.. Body]);

    /// <summary>END_STREAM came.</summary>
    public bool Ended { get; set; }

    public RawCode? Reset { get; set; }

    /// <summary>Ended or reset.</summary>
    public bool IsOver => Ended || Reset is not null;

    public long SendWindow { get; set; } = sendWindow;

    /// <summary>A block that is not whole yet, and whether its HEADERS ends the stream.</summary>
    public List<byte> Block { get; } = [];

    public bool EndsWithHead { get; set; }

    /// <summary>The final response's status; 0 before it came.</summary>
    public int Status => Final is { } head && int.TryParse(Value(head, ":status"), out var status) ? status : 0;

    /// <summary>The final response head.</summary>
    public List<(string Name, string Value)>? Final => Heads.Find(h => Value(h, ":status") is { } status && !status.StartsWith('1'));

    /// <summary>A field of the final response; several are joined with a bar.</summary>
    public string? this[string name] => Final is null || !Final.Exists(f => f.Name == name) ? null : string.Join('|', Final.Where(f => f.Name == name).Select(f => f.Value));

    private static string? Value(List<(string Name, string Value)> fields, string name) => fields.Where(f => f.Name == name).Select(f => f.Value).FirstOrDefault();
}
