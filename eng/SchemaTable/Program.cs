// Writes the schema table of the API server from KubernetesClient's models, merge-keys.txt and field-numbers.txt:
//   dotnet run --project eng/SchemaTable > src/Fairlead.ApiServer/Resources/Schema/kubernetes.schema
// One line a type: Name field:type field:type …  See docs/adding-a-kind.md for the letters.
// With the argument "descriptions" it writes what the models' XML documentation says of the types and fields:
//   dotnet run --project eng/SchemaTable descriptions > src/Fairlead.ApiServer/Resources/Schema/kubernetes.descriptions
using System.Reflection;
using System.Text.Json.Serialization;
using System.Xml.Linq;
using k8s.Models;

var models = typeof(V1Pod).Assembly.GetExportedTypes().Where(type => type.Namespace == "k8s.Models").ToDictionary(type => type.Name);
var mergeKeys = Lines("merge-keys.txt").Select(line => line.Split(' ', 2)).ToDictionary(parts => parts[0], parts => parts[1]);
var numbers = Lines("field-numbers.txt")
    .SelectMany(line => line.Split(' ')[1..].Select(fact => (Key: $"{line.Split(' ')[0]}.{fact.Split('=')[0]}", Fact: fact.Split('=')[1])))
    .ToDictionary(pair => pair.Key, pair => pair.Fact);
var roots = models.Values.Where(IsServedKind).Concat(
    new[] { "V1Status", "V1DeleteOptions", "V1Scale", "V1Binding", "V1Eviction", "Authenticationv1TokenRequest", "V1ListMeta" }.Select(name => models[name]));
var queue = new Queue<Type>(roots);
var seen = new SortedDictionary<string, Type>(StringComparer.Ordinal);
while (queue.TryDequeue(out var type))
{
    if (!seen.TryAdd(type.Name, type)) continue;
    foreach (var property in Properties(type))
    {
        var element = Element(property.PropertyType);
        if (element.Namespace == "k8s.Models" && Letter(element) is null) queue.Enqueue(element);
    }
}
var lines = new List<string>(Lines("older-types.txt"));
foreach (var type in seen.Values)
{
    var fields = Properties(type).Select(property => (Name: JsonName(property), property.PropertyType))
        .OrderBy(field => field.Name, StringComparer.Ordinal)
        .Select(field => $"{field.Name}:{WithNumber($"{type.Name}.{field.Name}", Describe(field.PropertyType))}{(mergeKeys.TryGetValue($"{type.Name}.{field.Name}", out var merge) ? "@" + merge : "")}");
    lines.Add($"{type.Name} {string.Join(' ', fields)}");
}
if (args is ["descriptions"])
{
    WriteDescriptions();
    return 0;
}
lines.Sort(StringComparer.Ordinal);
foreach (var line in lines) Console.WriteLine(line);
var unknown = mergeKeys.Keys.Concat(numbers.Keys).Where(key => !seen.TryGetValue(key.Split('.')[0], out var type) || !Properties(type).Any(p => JsonName(p) == key.Split('.')[1])).ToList();
if (unknown.Count > 0) Console.Error.WriteLine($"merge-keys.txt or field-numbers.txt names what the models do not have: {string.Join(", ", unknown)}");
return unknown.Count == 0 ? 0 : 1;

// A line a type or field: Name or Name.field, a tab, the text.
void WriteDescriptions()
{
    var package = Path.Combine(Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages"), "kubernetesclient.aot");
    var version = typeof(V1Pod).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
    var file = Directory.GetFiles(Path.Combine(package, version, "lib"), "KubernetesClient.Aot.xml", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Last();
    var texts = XDocument.Load(file).Descendants("member").ToDictionary(
        member => (string)member.Attribute("name")!, member => string.Join(' ', (member.Element("summary")?.Value ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
    foreach (var type in seen.Values)
    {
        Write(type.Name, $"T:{type.FullName}");
        foreach (var property in Properties(type).OrderBy(JsonName, StringComparer.Ordinal)) Write($"{type.Name}.{JsonName(property)}", $"P:{type.FullName}.{property.Name}");
    }

    void Write(string name, string member)
    {
        if (texts.GetValueOrDefault(member) is { Length: > 0 } text) Console.WriteLine($"{name}\t{text}");
    }
}

// "t" and "4m*" make "u#4*": a MicroTime is a type of its own, the rest is written behind the type.
string WithNumber(string key, string kind)
{
    if (!numbers.TryGetValue(key, out var fact)) return kind;
    return (fact.Contains('m') ? "u" : kind) + "#" + fact.Replace("m", "");
}

static IEnumerable<string> Lines(string file) =>
    File.ReadLines(Path.Combine(AppContext.BaseDirectory, file)).Where(line => line.Length > 0 && line[0] != '#');

static bool IsServedKind(Type type)
{
    string[] groups = ["", "apps", "discovery.k8s.io", "networking.k8s.io", "coordination.k8s.io", "events.k8s.io", "scheduling.k8s.io", "node.k8s.io",
        "rbac.authorization.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "certificates.k8s.io"];
    var entity = type.GetCustomAttribute<KubernetesEntityAttribute>();
    // Of its group the only one that is served.
    if (type == typeof(V1StorageClass)) return true;
    return entity is { ApiVersion: "v1" } && groups.Contains(entity.Group) && !type.Name.EndsWith("List", StringComparison.Ordinal);
}

static IEnumerable<PropertyInfo> Properties(Type type) =>
    type.GetProperties().Where(property => property.GetCustomAttribute<JsonPropertyNameAttribute>() is not null);

static string JsonName(PropertyInfo property) => property.GetCustomAttribute<JsonPropertyNameAttribute>()!.Name;

static Type Element(Type type)
{
    while (true)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner) type = inner;
        else if (type.IsGenericType) type = type.GetGenericArguments()[^1];
        else return type;
    }
}

static string Describe(Type type)
{
    if (Nullable.GetUnderlyingType(type) is { } inner) return Describe(inner);
    if (type.IsGenericType && type.Name.StartsWith("IDictionary", StringComparison.Ordinal)) return "{" + Describe(type.GetGenericArguments()[1]);
    if (type.IsGenericType) return "[" + Describe(type.GetGenericArguments()[0]);
    return Letter(type) ?? type.Name;
}

static string? Letter(Type type) => type switch
{
    _ when type == typeof(string) => "s",
    _ when type == typeof(int) => "i",
    _ when type == typeof(long) => "l",
    _ when type == typeof(double) || type == typeof(float) => "d",
    _ when type == typeof(bool) => "b",
    _ when type == typeof(DateTime) || type == typeof(DateTimeOffset) => "t",
    _ when type == typeof(byte[]) => "y",
    _ when type == typeof(object) => "o",
    _ => type.Name switch { "ResourceQuantity" => "q", "IntOrString" => "x", _ => null },
};
