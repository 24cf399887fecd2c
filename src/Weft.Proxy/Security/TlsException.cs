namespace Weft.Proxy.Security;

/// <summary>Certificates, keys or settings from which no TLS context can be made; the message says which.</summary>
internal sealed class TlsException(string message) : Exception(message);
