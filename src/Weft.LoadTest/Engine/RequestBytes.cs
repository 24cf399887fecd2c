using System.Globalization;
using System.Text;

namespace Weft.LoadTest.Engine;

/// <summary>The one request that a load sends again and again, as bytes.</summary>
internal static class RequestBytes
{
    public static byte[] Build(LoadOptions options)
    {
        var target = options.Target;
        var head = new StringBuilder();
        var form = options.Proxy is null ? target.PathAndQuery : target.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped);
        head.Append(CultureInfo.InvariantCulture, $"{options.Method} {form} HTTP/1.1\r\n");
        if (!options.Headers.Any(h => h.Name.Equals("host", StringComparison.OrdinalIgnoreCase)))
            head.Append(CultureInfo.InvariantCulture, $"Host: {target.Authority}\r\n");
        foreach (var (name, value) in options.Headers) head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        // A method that usually has a body says so even when it has none (RFC 9110 section 8.6).
        if (!options.Body.IsEmpty || options.Method is "POST" or "PUT" or "PATCH")
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {options.Body.Length}\r\n");
        head.Append("\r\n");
        return [.. Encoding.Latin1.GetBytes(head.ToString()), .. options.Body.Span];
    }
}
