using Istio.V1.Auth;
using Weft.Grpc;

namespace Weft.Identity;

/// <summary>What the control plane serves for identity, on the port of its gRPC services.</summary>
public static class CertificateMethods
{
    /// <summary><c>istio.v1.auth.IstioCertificateService/CreateCertificate</c>.</summary>
    public static GrpcMethod<IstioCertificateRequest, IstioCertificateResponse> CreateCertificate { get; } = new(
        "istio.v1.auth.IstioCertificateService", "CreateCertificate", IstioCertificateRequest.Parser, IstioCertificateResponse.Parser);

    /// <summary>GET answers the trusted roots as PEM, to anyone: they are public. A new proxy reads them before it trusts the server and keeps the one
    /// that its join token pins. (A TLS server does not send its root, so the pin cannot be checked against the handshake alone.)</summary>
    public const string RootsPath = "/weft/v1/roots";

    /// <summary>Content type of <see cref="RootsPath"/> (RFC 8555, section 9.1).</summary>
    public const string RootsContentType = "application/pem-certificate-chain";
}
