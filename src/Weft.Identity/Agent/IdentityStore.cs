namespace Weft.Identity;

/// <summary>The agent's identity on disk: <c>key.pem</c>, <c>chain.pem</c> and <c>roots.pem</c>, always of one generation.</summary>
internal sealed class IdentityStore(string directory, Action<string>? step = null) : IDisposable
{
    private const string KeyFile = "key.pem";
    private const string ChainFile = "chain.pem";
    private const string RootsFile = "roots.pem";

    private readonly PrivateFileSet _files = new(directory, [KeyFile, ChainFile, RootsFile], step);

    /// <summary>What is there; null when nothing is.</summary>
    /// <exception cref="IdentityException">A file is missing or damaged: the message names it.</exception>
    public CertificateMaterial? Load()
    {
        var contents = _files.Read();
        if (contents is null) return null;
        try
        {
            Check(ChainFile, () => CertificatePem.Read(contents[ChainFile], "file").ForEach(certificate => certificate.Dispose()));
            Check(RootsFile, () => CertificatePem.Read(contents[RootsFile], "file").ForEach(certificate => certificate.Dispose()));
            Check(KeyFile, () => CertificatePem.ReadKey(contents[KeyFile]).Dispose());
            CertificateMaterial? material = null;
            Check(ChainFile, () => material = new CertificateMaterial(contents[ChainFile], contents[KeyFile], contents[RootsFile]));
            return material;
        }
        finally { PrivateFileSet.ClearKeys(contents); }
    }

    /// <summary>Replaces all three as one, and returns when they are on disk.</summary>
    public void Save(CertificateMaterial material)
    {
        var contents = new Dictionary<string, byte[]>
        {
            [KeyFile] = material.CopyKeyPem(), [ChainFile] = material.ChainPem.ToArray(), [RootsFile] = material.RootsPem.ToArray(),
        };
        try
        {
            _files.Replace(contents);
        }
        finally { PrivateFileSet.ClearKeys(contents); }
    }

    private void Check(string file, Action read)
    {
        try
        {
            read();
        }
        catch (IdentityException error)
        {
            throw new IdentityException($"{_files.PathOf(file)} is damaged: {error.Message}. Move the directory away and start with a new join token", error);
        }
    }

    public void Dispose() => _files.Dispose();
}
