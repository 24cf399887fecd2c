using Weft.Identity;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>First stage: what holds for the whole mesh.</summary>
internal static class SettingsStage
{
    private static readonly MeshSettings Unwritten = new(null, TrustDomain.Parse("weft.local"), MtlsMode.Permissive, MeshProtocol.Http2, EgressMode.Allow, new MeshDefaults());

    public static MeshSettings Run(IEnumerable<ResourceObject> meshes, MeshSettings? previous, RebuildCounter counts)
    {
        var mesh = meshes.OfType<Mesh>().SingleOrDefault(m => m.Metadata.Name == "default");
        if (mesh is null) return Unwritten;
        var next = new MeshSettings(mesh, TrustDomain.Parse(mesh.TrustDomain), mesh.Mtls, mesh.Protocol, mesh.Egress, mesh.Defaults);
        // Compared by what it says: a new label on the Mesh object must not rebuild the mesh.
        if (previous is not null && previous with { Source = mesh } == next) return previous;
        counts.Settings++;
        return next;
    }
}
