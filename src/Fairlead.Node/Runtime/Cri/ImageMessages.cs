using Fairlead.Kube.Protobuf;
using Fairlead.Node.Images.Registry;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>An image as the runtime knows it.</summary>
/// <param name="Id">Digest of its configuration.</param>
/// <param name="User">As whom it runs: a number, a name, or empty for root.</param>
internal sealed record CriImage(string Id, IReadOnlyList<string> Tags, IReadOnlyList<string> Digests, long Size, string User);

/// <summary>Messages about images (kubernetes/cri-api, runtime/v1/api.proto: ImageSpec, Image, AuthConfig).</summary>
internal static class ImageMessages
{
    /// <summary>A request with an ImageSpec of that name, as ImageStatus and RemoveImage have it.</summary>
    public static byte[] Named(string name) => WireMessage.Write(message => message.Message(1, image => image.Text(1, name)));

    public static byte[] Pull(string name, RegistryCredential? credential) => WireMessage.Write(message =>
    {
        message.Message(1, image => image.Text(1, name));
        if (credential is null) return;
        message.Message(2, auth =>
        {
            auth.Optional(1, credential.User);
            auth.Optional(2, credential.Password);
            auth.Optional(5, credential.IdentityToken);
        });
    });

    public static List<CriImage> ReadList(ReadOnlySpan<byte> answer) => WireMessage.Each(answer, 1, Read);

    /// <summary>Null: the answer names no image.</summary>
    public static CriImage? ReadStatus(ReadOnlySpan<byte> answer) => ReadList(answer).FirstOrDefault();

    private static CriImage Read(ReadOnlySpan<byte> message)
    {
        var (id, size, user) = ("", 0L, "");
        var (tags, digests) = (new List<string>(), new List<string>());
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            switch (field)
            {
                case 1:
                    id = reader.Text();
                    break;
                case 2:
                    tags.Add(reader.Text());
                    break;
                case 3:
                    digests.Add(reader.Text());
                    break;
                case 4:
                    size = (long)reader.Varint();
                    break;
                case 5:
                    // Int64Value; of 0 nothing is written.
                    user = WireMessage.NumberOf(reader.Bytes(), 1).ToString(System.Globalization.CultureInfo.InvariantCulture);
                    break;
                case 6:
                    user = reader.Text();
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }
        return new(id, tags, digests, size, user);
    }
}
