using System.Text;
using Weft.Routing.Requests;

namespace Weft.Routing.Tests;

/// <summary>Builds request heads over a buffer of its own.</summary>
internal sealed class TestRequest
{
    private readonly byte[] _buffer;
    private readonly HeaderField[] _fields;
    private readonly byte[] _method, _scheme, _authority, _path;

    public TestRequest(string path = "/", string authority = "a.example", string method = "GET", string scheme = "http", params (string Name, string Value)[] headers)
    {
        (_method, _scheme, _authority, _path) = (Encoding.UTF8.GetBytes(method), Encoding.UTF8.GetBytes(scheme), Encoding.UTF8.GetBytes(authority), Encoding.UTF8.GetBytes(path));
        var buffer = new List<byte>();
        _fields = [.. headers.Select(h =>
        {
            var name = buffer.Count;
            buffer.AddRange(Encoding.UTF8.GetBytes(h.Name));
            var value = buffer.Count;
            buffer.AddRange(Encoding.UTF8.GetBytes(h.Value));
            return new HeaderField(name, value - name, value, buffer.Count - value, Known(h.Name), HopByHop: false);
        })];
        _buffer = [.. buffer];
    }

    private static KnownHeader Known(string name) => name.Equals("x-forwarded-for", StringComparison.OrdinalIgnoreCase) ? KnownHeader.XForwardedFor : KnownHeader.Other;

    public RequestHead Head => new(_method, _scheme, _authority, _path, _buffer, _fields);
}
