namespace Weft.Proxy.Pipelines;

/// <summary>The protocol that a message came in. It decides what can be said back, never what the request means.</summary>
internal enum HttpVersion : byte
{
    Http10,
    Http11,
    Http2,
}
