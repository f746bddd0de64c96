using System.CommandLine;
using Fairlead.Cluster;
using Fairlead.Linux.Processes;
using Fairlead.Node.Images;
using Fairlead.Node.Images.Registry;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead image`: the images of a cluster of this machine. Its nodes notice by themselves.</summary>
internal static class ImageCommand
{
    public static Command Create() =>
        new("image", "Import, pull, list and remove images of a cluster of this machine.") { Import(), Pull(), List(), Remove() };

    private static Command Import()
    {
        var files = new Argument<string[]>("file") { Description = "What `docker save` writes or an OCI layout as a tar, plain or packed; - reads standard input.", Arity = ArgumentArity.OneOrMore };
        var named = new Option<string?>("--as") { Description = "Name for an image that the archive does not name." };
        var name = CommonOptions.Name();
        var command = new Command("import", "Import images from archives.") { files, named, name };
        command.SetAction(async (parse, cancel) =>
        {
            var store = Open(parse.GetValue(name)!);
            var reference = parse.GetValue(named) is { } text ? Reference(text) : null;
            foreach (var file in parse.GetValue(files)!) await ImportAsync(store, file, reference, cancel);
            return 0;
        });
        return command;
    }

    private static async Task ImportAsync(ImageStore store, string file, ImageReference? name, CancellationToken cancel)
    {
        var began = TimeProvider.System.GetTimestamp();
        var line = new ImageProgressLine(Console.Out, TimeProvider.System);
        try
        {
            await using var archive = file == "-" ? Console.OpenStandardInput() : OpenFile(file);
            var length = archive is FileStream known ? known.Length : 0;
            var images = await new ArchiveImport(store, line).RunAsync(archive, length, name, cancel);
            line.Clear();
            var took = Steps.Milliseconds(TimeProvider.System.GetElapsedTime(began));
            foreach (var image in images) Console.WriteLine($" {Colours.Well} imported {image.Name} ({ImageProgressLine.Bytes(image.Size)}, {took})");
        }
        catch (ImageException e)
        {
            line.Clear();
            throw new UserException($"{file}: {e.Message}");
        }
    }

    private static Command Pull()
    {
        var images = new Argument<string[]>("image") { Description = "Name and tag or digest, for example busybox:1.36.", Arity = ArgumentArity.OneOrMore };
        var user = new Option<string?>("--creds") { Description = "USER:PASSWORD for the registry; default: what ~/.docker/config.json has." };
        var name = CommonOptions.Name();
        var command = new Command("pull", "Pull images from their registries.") { images, user, name };
        command.SetAction(async (parse, cancel) =>
        {
            var store = Open(parse.GetValue(name)!);
            foreach (var text in parse.GetValue(images)!) await PullAsync(store, Reference(text), parse.GetValue(user), cancel);
            return 0;
        });
        return command;
    }

    private static async Task PullAsync(ImageStore store, ImageReference image, string? user, CancellationToken cancel)
    {
        var began = TimeProvider.System.GetTimestamp();
        var line = new ImageProgressLine(Console.Out, TimeProvider.System);
        try
        {
            var pulled = await new RegistryPull(store).RunAsync(image, Credentials(image, user), line, cancel);
            line.Clear();
            var took = Steps.Milliseconds(TimeProvider.System.GetElapsedTime(began));
            Console.WriteLine($" {Colours.Well} pulled {pulled.Name} ({ImageProgressLine.Bytes(pulled.Size)}, {took})\n   {pulled.RegistryDigest}");
        }
        catch (ImageException e)
        {
            line.Clear();
            throw new UserException(e.Message);
        }
    }

    private static Command List()
    {
        var name = CommonOptions.Name();
        var output = CommonOptions.Output();
        var command = new Command("ls", "List the images.") { name, output };
        command.SetAction(parse =>
        {
            var store = Open(parse.GetValue(name)!);
            var images = store.Images.ToList();
            if (parse.GetValue(output) == "json")
            {
                Console.WriteLine(Json(images));
                return 0;
            }
            var width = images.Select(image => image.Name.Length).Append(5).Max();
            Console.WriteLine($"{"IMAGE".PadRight(width)}   {"MANIFEST",-12}   {"ORIGIN",-8}   SIZE");
            foreach (var image in images)
                Console.WriteLine($"{image.Name.PadRight(width)}   {image.Manifest[7..19],-12}   {(image.RegistryDigest is null ? "imported" : "pulled"),-8}   {ImageProgressLine.Bytes(image.Size)}");
            return 0;
        });
        return command;
    }

    /// <summary><c>{"images":[{"name","manifest","origin","registryDigest","bytes"}]}</c>.</summary>
    private static string Json(IEnumerable<NamedImage> images) => JsonText.Write(json =>
    {
        json.WriteStartArray("images");
        foreach (var image in images)
        {
            json.WriteStartObject();
            json.WriteString("name", image.Name);
            json.WriteString("manifest", image.Manifest);
            json.WriteString("origin", image.RegistryDigest is null ? "imported" : "pulled");
            if (image.RegistryDigest is not null) json.WriteString("registryDigest", image.RegistryDigest);
            json.WriteNumber("bytes", image.Size);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static Command Remove()
    {
        var images = new Argument<string[]>("image") { Description = "Names as `fairlead image ls` shows them, or as pods use them.", Arity = ArgumentArity.OneOrMore };
        var name = CommonOptions.Name();
        var command = new Command("rm", "Remove images.") { images, name };
        command.SetAction(async (parse, cancel) =>
        {
            var store = Open(parse.GetValue(name)!);
            foreach (var text in parse.GetValue(images)!)
            {
                var image = store.Find(Reference(text)) ?? throw new UserException($"there is no image {text}; `fairlead image ls` lists those that there are");
                // One of several names can go though the image is in use.
                var isLast = store.Images.Count(other => other.Manifest == image.Manifest) == 1;
                if (isLast && store.UserOf(image, ImageUse.Read(store.Root)) is { } user)
                    throw new UserException($"{image.Name} is used by container {user.Container} of the pod with UID {user.Pod}; delete the pod first");
                await store.RemoveAsync([image.Name], () => ImageUse.Read(store.Root), cancel);
                Console.WriteLine($" {Colours.Well} removed {image.Name}");
            }
            return 0;
        });
        return command;
    }

    private static ImageStore Open(string cluster)
    {
        if (!ProcessHandle.IsRoot) throw new UserException("images belong to root's cluster; run as root, as for `fairlead up`");
        var paths = new ClusterPaths(cluster);
        if (!Directory.Exists(paths.Data)) throw new UserException($"there is no cluster \"{paths.Name}\"; `fairlead up{(cluster == ClusterPaths.DefaultName ? "" : $" --name {paths.Name}")}` starts one");
        return new ImageStore(ImageStore.FolderOf(paths.Name), TimeProvider.System);
    }

    private static FileStream OpenFile(string file)
    {
        if (!File.Exists(file)) throw new UserException($"{file} does not exist; give an archive that `docker save` or a tool for OCI images wrote");
        return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
    }

    private static ImageReference Reference(string text) =>
        ImageReference.TryParse(text) ?? throw new UserException($"\"{text}\" is no image's name; write one as in busybox:1.36 or registry.k8s.io/pause:3.10");

    private static IReadOnlyList<RegistryCredential> Credentials(ImageReference image, string? user)
    {
        if (user is not null) return user.Split(':', 2) is [var who, var password] ? [new(image.Registry, who, password)] : throw new UserException("--creds takes USER:PASSWORD");
        var file = Path.Combine(Environment.GetEnvironmentVariable("DOCKER_CONFIG") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker"), "config.json");
        return File.Exists(file) ? RegistryCredential.ParseDockerConfig(File.ReadAllBytes(file)) : [];
    }
}
