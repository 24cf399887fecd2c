using Weft.Control.Model;

namespace Weft.Control.Serving;

/// <summary>What proxies are served from.</summary>
/// <param name="Model">The mesh.</param>
/// <param name="Covered">Store revision up to which everything is in <paramref name="Model"/>. It runs ahead of the model's own revision while only
/// status and signs of life are written, which change nothing for a proxy and are therefore no new model.</param>
public sealed record PublishedMesh(MeshModel Model, long Covered);
