using Weft.Identity;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>What holds for the whole mesh.</summary>
/// <param name="Source">The Mesh object; null when nobody wrote one.</param>
/// <param name="TrustDomain">Domain of every identity.</param>
/// <param name="Mtls">Whether sidecars still take plaintext.</param>
/// <param name="Protocol">What proxies speak with each other.</param>
/// <param name="Egress">What becomes of intercepted connections that lead out of the mesh.</param>
/// <param name="Defaults">Limits and times where no policy says otherwise.</param>
public sealed record MeshSettings(Mesh? Source, TrustDomain TrustDomain, MtlsMode Mtls, MeshProtocol Protocol, EgressMode Egress, MeshDefaults Defaults);
