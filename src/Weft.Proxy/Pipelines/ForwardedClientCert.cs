using System.Text;
using Weft.Proxy.Security;
using Weft.Routing.Listeners;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// One element of <c>x-forwarded-client-cert</c> in Envoy's form: <c>By</c> (the URI names of the certificate that received the client) and <c>Hash</c> always, then what was
/// asked for. Pure.
/// </summary>
/// <remarks>A value with a character that separates values is quoted, which Envoy leaves to its reader: a client whose certificate carries a comma would otherwise speak for two.</remarks>
internal static class ForwardedClientCert
{
    public static byte[] Element(CertificateDetails peer, CertificateInfo? own, ClientCertDetails details)
    {
        var text = new StringBuilder();
        foreach (var uri in own?.Uris ?? []) Add(text, "By", uri);
        Add(text, "Hash", peer.Sha256);
        if (details.HasFlag(ClientCertDetails.Subject)) Begin(text, "Subject").Append('"').Append(peer.Subject).Append('"'); // RFC 2253 has escaped its quotes
        if (details.HasFlag(ClientCertDetails.Uri))
        {
            foreach (var uri in peer.Uris) Add(text, "URI", uri);
            if (peer.Uris.Count == 0) Add(text, "URI", "");
        }
        if (details.HasFlag(ClientCertDetails.Dns))
        {
            foreach (var name in peer.DnsNames) Add(text, "DNS", name);
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private static void Add(StringBuilder text, string key, string value)
    {
        Begin(text, key);
        var quoted = value.AsSpan().IndexOfAny(",;=\"\\") >= 0;
        if (quoted) text.Append('"');
        foreach (var c in value)
        {
            if (c is '"' or '\\') text.Append('\\');
            text.Append(c is < ' ' or > '~' ? '?' : c); // a control character in a name must not end the field
        }
        if (quoted) text.Append('"');
    }

    private static StringBuilder Begin(StringBuilder text, string key) => (text.Length > 0 ? text.Append(';') : text).Append(key).Append('=');
}
